//! Status codes.

use http::StatusCode;
use vestibule_coap::Code;

/// The code that tells of this status.
///
/// 200 is 2.05 for every method, which RFC 7252 would not have it be: existing clients know no other
/// success. What CoAP has no code for becomes the general one of its class.
pub fn to_coap(status: StatusCode) -> Code {
    match status.as_u16() {
        201 => Code::CREATED,
        202 | 204 => Code::CHANGED,
        200..=299 => Code::CONTENT,
        401 => Code::UNAUTHORIZED,
        403 => Code::FORBIDDEN,
        404 | 410 => Code::NOT_FOUND,
        405 => Code::METHOD_NOT_ALLOWED,
        406 => Code::NOT_ACCEPTABLE,
        409 => Code::CONFLICT,
        412 => Code::PRECONDITION_FAILED,
        413 => Code::REQUEST_ENTITY_TOO_LARGE,
        415 => Code::UNSUPPORTED_CONTENT_FORMAT,
        422 => Code::UNPROCESSABLE_ENTITY,
        429 => Code::TOO_MANY_REQUESTS,
        // Not 402 and 408: 4.02 and 4.08 are said of options and of blocks.
        400..=499 => Code::BAD_REQUEST,
        501 => Code::NOT_IMPLEMENTED,
        502 => Code::BAD_GATEWAY,
        503 => Code::SERVICE_UNAVAILABLE,
        504 => Code::GATEWAY_TIMEOUT,
        500..=599 => Code::INTERNAL_SERVER_ERROR,
        // Redirections are not followed, 304 answers nothing that was asked, and the rest is no answer.
        _ => Code::BAD_GATEWAY,
    }
}

/// The status that a client is told for this code.
///
/// What is unknown is 502; so is 0.00, by which the proxy written in Go answers with everything that
/// it has no code for.
pub fn to_http(code: Code) -> StatusCode {
    match code {
        Code::CONTENT | Code::CHANGED | Code::DELETED => StatusCode::OK,
        Code::CREATED => StatusCode::CREATED,
        Code::VALID => StatusCode::NOT_MODIFIED,
        Code::BAD_REQUEST | Code::BAD_OPTION => StatusCode::BAD_REQUEST,
        Code::UNAUTHORIZED => StatusCode::UNAUTHORIZED,
        Code::FORBIDDEN => StatusCode::FORBIDDEN,
        Code::NOT_FOUND => StatusCode::NOT_FOUND,
        Code::METHOD_NOT_ALLOWED => StatusCode::METHOD_NOT_ALLOWED,
        Code::NOT_ACCEPTABLE => StatusCode::NOT_ACCEPTABLE,
        Code::REQUEST_ENTITY_INCOMPLETE => StatusCode::REQUEST_TIMEOUT,
        Code::CONFLICT => StatusCode::CONFLICT,
        Code::PRECONDITION_FAILED => StatusCode::PRECONDITION_FAILED,
        Code::REQUEST_ENTITY_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
        Code::UNSUPPORTED_CONTENT_FORMAT => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::UNPROCESSABLE_ENTITY => StatusCode::UNPROCESSABLE_ENTITY,
        Code::TOO_MANY_REQUESTS => StatusCode::TOO_MANY_REQUESTS,
        Code::INTERNAL_SERVER_ERROR => StatusCode::INTERNAL_SERVER_ERROR,
        Code::NOT_IMPLEMENTED => StatusCode::NOT_IMPLEMENTED,
        Code::SERVICE_UNAVAILABLE => StatusCode::SERVICE_UNAVAILABLE,
        Code::GATEWAY_TIMEOUT => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    }
}

/// Seconds after which the client may ask again, for Max-Age: `retry_after` is the header Retry-After,
/// and `body` the JSON, whose `retry_after_ms` counts more. `None` for any other status than 429 and 503.
///
/// A Retry-After that is a date says nothing here, where there is no clock.
pub fn max_age(status: StatusCode, retry_after: Option<&str>, body: &[u8]) -> Option<u32> {
    let in_body = match status {
        StatusCode::TOO_MANY_REQUESTS => retry_after_ms(body),
        StatusCode::SERVICE_UNAVAILABLE => None,
        _ => return None,
    };
    in_body
        .map(|ms| ms.div_ceil(1_000))
        .or_else(|| retry_after?.trim().parse().ok())
        .map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX))
}

/// Whether an error of a homeserver has this `errcode`.
pub(super) fn has_errcode(body: &[u8], errcode: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Error<'a> {
        #[serde(borrow)]
        errcode: std::borrow::Cow<'a, str>,
    }
    serde_json::from_slice::<Error<'_>>(body).is_ok_and(|error| error.errcode == errcode)
}

fn retry_after_ms(body: &[u8]) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Limit {
        retry_after_ms: u64,
    }
    let limit: Limit = serde_json::from_slice(body).ok()?;
    Some(limit.retry_after_ms)
}

#[cfg(test)]
mod tests;
