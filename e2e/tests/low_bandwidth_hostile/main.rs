//! Clients that mean harm, homeservers that are broken, and more of everything than there should be.
//! After each of it the gateway serves others as before.

mod associations;
mod bodies;
mod floods;
mod handshakes;
mod limits;
mod paths;
mod rooms;
mod sizes;
mod stage;
mod upstream;
