//! Captured and made messages, and what must hold for them. For tests only.
