//! The observation of `/sync` as a state machine.
