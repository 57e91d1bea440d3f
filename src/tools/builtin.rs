//! Tools that the hub itself has.

mod collected;
pub mod file_management;
