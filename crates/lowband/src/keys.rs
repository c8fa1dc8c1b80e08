//! The key table of MSC3079, appendix A.
