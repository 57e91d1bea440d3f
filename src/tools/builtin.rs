//! Tools that the hub itself has.

pub mod set_variables;
pub mod transform;
pub mod wait;

#[cfg(test)]
mod tests;
