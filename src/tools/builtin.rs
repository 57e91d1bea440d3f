//! Tools that the hub itself has.
