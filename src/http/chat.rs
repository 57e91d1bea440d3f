//! Talking with models (contract, section 5).
//!
//! One file per part of the area. Never here: what a model is asked.

pub mod providers;

use actix_web::web::ServiceConfig;

/// The operations of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    providers::routes(config);
}
