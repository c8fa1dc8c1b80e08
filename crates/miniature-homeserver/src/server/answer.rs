use bytes::Bytes;
use hyper::{
    Response, StatusCode,
    header::{self, HeaderName, HeaderValue},
};
use serde_json::Value;

use super::body::Body;

/// What is answered to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: HeaderValue,
    pub(crate) body: Body,
    /// One more field, where the status asks for it.
    pub(crate) field: Option<(HeaderName, HeaderValue)>,
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Fields of all answers: browsers may ask from any page (Matrix specification, "Web Browser
/// Clients").
const CORS: [(HeaderName, HeaderValue); 3] = [
    (
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    ),
    (
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST, PUT, DELETE, OPTIONS"),
    ),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("X-Requested-With, Content-Type, Authorization"),
    ),
];

impl Answer {
    /// A document of JSON.
    pub(crate) fn json(status: StatusCode, value: &Value) -> Self {
        Self::text(status, value.to_string())
    }

    /// A document of JSON, written already.
    pub(crate) fn text(status: StatusCode, json: String) -> Self {
        Self {
            status,
            content_type: JSON,
            body: Body::Whole(json.into()),
            field: None,
        }
    }

    /// A page for people.
    pub(crate) fn page(status: StatusCode, page: &'static str) -> Self {
        Self {
            content_type: HTML,
            body: Body::Whole(Bytes::from_static(page.as_bytes())),
            ..Self::empty(status)
        }
    }

    /// What somebody uploaded.
    pub(crate) fn media(content_type: HeaderValue, bytes: Bytes) -> Self {
        Self {
            content_type,
            body: Body::Whole(bytes),
            ..Self::empty(StatusCode::OK)
        }
    }

    /// Of type JSON, but nothing.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self::with(status, Body::Whole(Bytes::new()))
    }

    /// A body of type JSON.
    pub(crate) fn with(status: StatusCode, body: Body) -> Self {
        Self {
            status,
            content_type: JSON,
            body,
            field: None,
        }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.content_type);
        headers.extend(CORS);
        if let Some((name, value)) = self.field {
            headers.insert(name, value);
        }
        response
    }
}
