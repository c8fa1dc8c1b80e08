//! Methods. Only the four of RFC 7252 are spoken; Matrix has no others that change anything.

use http::Method;
use vestibule_coap::Code;

/// The method of HTTP that this code stands for.
pub fn to_http(code: Code) -> Option<Method> {
    Some(match code {
        Code::GET => Method::GET,
        Code::POST => Method::POST,
        Code::PUT => Method::PUT,
        Code::DELETE => Method::DELETE,
        _ => return None,
    })
}

/// The code that stands for this method of HTTP.
pub fn to_coap(method: &Method) -> Option<Code> {
    Some(match *method {
        Method::GET => Code::GET,
        Method::POST => Code::POST,
        Method::PUT => Code::PUT,
        Method::DELETE => Code::DELETE,
        _ => return None,
    })
}
