//! The path table of MSC3079, appendix B.
