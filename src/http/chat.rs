//! Talking with models (contract, section 5).
//!
//! One file per part of the area. Never here: what a model is asked.

pub mod conversations;
pub mod providers;
mod rest;
pub mod send;
pub mod view;

use actix_web::web::{ServiceConfig, get, post, put, resource};
use utoipa::OpenApi;

/// The operations of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    providers::routes(config);
    config
        .service(
            resource("/chat/conversations")
                .route(get().to(conversations::list_conversations))
                .route(post().to(conversations::create_conversation)),
        )
        .service(
            resource("/chat/conversations/{conversation_id}")
                .route(get().to(conversations::get_conversation))
                .route(put().to(conversations::rename_conversation))
                .route(actix_web::web::delete().to(conversations::delete_conversation)),
        )
        .service(
            resource("/chat/conversations/{conversation_id}/messages")
                .route(post().to(send::send_message)),
        );
}

/// Their description.
#[derive(OpenApi)]
#[openapi(paths(
    conversations::list_conversations,
    conversations::create_conversation,
    conversations::get_conversation,
    conversations::rename_conversation,
    conversations::delete_conversation,
    send::send_message
))]
pub(super) struct Api;
