//! CoAP, sans-IO.
