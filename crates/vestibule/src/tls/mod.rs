//! TLS, in both roles: what is read from files, and what is spoken. The only module that names
//! rustls.
