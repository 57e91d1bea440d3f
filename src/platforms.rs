//! Platforms as data: the language of manifests and the catalogue of those that are there.
//!
//! A manifest is one TOML file that says all there is to know of a platform's HTTP interface;
//! `docs/manifests.md` is its manual. Here it is read, checked and looked up. Never here:
//! requests (`tools/manifest.rs`), or connections.

pub mod address;
pub mod catalogue;
pub mod check;
pub mod compute;
pub mod credentials;
pub mod import;
pub mod manifest;
pub mod named;
pub mod oauth;
pub mod operation;
pub mod parameter;
pub mod place;
pub mod platform;
pub mod sign_in;
pub mod template;

pub use catalogue::Catalogue;
pub use credentials::{CredentialError, Credentials};
pub use platform::{ConfigFault, Platform};
