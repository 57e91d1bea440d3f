//! Settings: what they are and from where they come.
