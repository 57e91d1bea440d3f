//! Read models of the hub, computed from its events.
//!
//! Never here: actors, HTTP, rules about what may happen. A read model can be deleted at any
//! time and computed anew.
