use std::borrow::Cow;

use bytes::Bytes;
use hyper::{
    Method,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
    http::request::Parts,
};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::Refusal;
use crate::state::{Session, State};

/// A request, apart from the connection that it came by.
#[derive(Debug)]
pub(crate) struct Call {
    pub(super) method: Method,
    path: String,
    query: Option<String>,
    token: Option<String>,
    pub(super) content_type: Option<HeaderValue>,
    pub(super) body: Bytes,
}

/// Most bytes of a document of JSON.
const MAX_DOCUMENT: usize = 4 << 20;

impl Call {
    /// Takes what counts from a request.
    pub(crate) fn new(head: &Parts, body: Bytes) -> Self {
        let token = head.headers.get(AUTHORIZATION);
        let token = token.and_then(|token| token.to_str().ok()?.strip_prefix("Bearer "));
        let copied = |value: &HeaderValue| HeaderValue::from_bytes(value.as_bytes()).ok();
        Self {
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            token: token.map(str::to_owned),
            content_type: match body.is_empty() {
                true => None,
                false => head.headers.get(CONTENT_TYPE).and_then(copied),
            },
            body,
        }
    }

    /// What stands between the slashes of the path, unescaped.
    pub(super) fn segments(&self) -> Result<Vec<Cow<'_, str>>, Refusal> {
        let path = self.path.strip_prefix('/').unwrap_or(&self.path);
        path.split('/').map(unescaped).collect()
    }

    /// The first value of a parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        let pairs = self.query.as_deref()?.split('&');
        let value = pairs
            .filter_map(|pair| pair.split_once('='))
            .find_map(|(key, value)| (key == name).then_some(value))?;
        match value.contains('+') {
            true => unescaped(&value.replace('+', " "))
                .ok()
                .map(|value| Cow::Owned(value.into_owned())),
            false => unescaped(value).ok(),
        }
    }

    /// A parameter that is a number; absent when it is none.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.parameter(name)?.parse().ok()
    }

    /// The body, which must be an object. No body is an empty one.
    pub(super) fn object(&self) -> Result<Map<String, Value>, Refusal> {
        if self.body.is_empty() {
            return Ok(Map::new());
        }
        if self.body.len() > MAX_DOCUMENT {
            return Err(Refusal::TooLarge);
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(Refusal::BadJson("the body is no object")),
            Err(_) => Err(Refusal::NotJson),
        }
    }

    /// Whose access token the request has.
    pub(super) fn session<'s>(&self, state: &'s State) -> Result<&'s Session, Refusal> {
        let in_query = self.parameter("access_token");
        let token = self.token.as_deref().or(in_query.as_deref());
        let token = token.ok_or(Refusal::MissingToken)?;
        state.session(token).ok_or(Refusal::UnknownToken)
    }

    /// The user whose access token the request has.
    pub(super) fn user(&self, state: &State) -> Result<String, Refusal> {
        self.session(state).map(|session| session.user.clone())
    }

    /// The same, who must be this one.
    pub(super) fn own(&self, state: &State, user: &str) -> Result<(), Refusal> {
        match self.session(state)?.user == user {
            true => Ok(()),
            false => Err(Refusal::Forbidden("that is somebody else")),
        }
    }
}

fn unescaped(text: &str) -> Result<Cow<'_, str>, Refusal> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map_err(|_| Refusal::InvalidParam("what is escaped is not UTF-8"))
}
