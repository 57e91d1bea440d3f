//! Talking with models (contract, section 5).
//!
//! One file per part of the area. Never here: what a model is asked.

pub mod conversations;
pub mod direct;
pub mod explain;
pub mod files;
pub mod messages;
pub mod proposals;
pub mod providers;
mod rest;
pub mod send;
mod stream;
pub mod tools;
pub mod view;

use actix_web::web::{ServiceConfig, delete, get, post, put, resource};
use utoipa::OpenApi;

/// The operations of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    providers::routes(config);
    conversation_routes(config);
    config
        .service(resource("/chat/proposals").route(get().to(proposals::list_proposals)))
        .service(
            resource("/chat/proposals/{proposal_id}/confirm")
                .route(post().to(proposals::confirm_proposal)),
        )
        .service(
            resource("/chat/calls/{call_id}/resolve").route(post().to(proposals::resolve_doubt)),
        )
        .service(
            resource("/chat/test/direct-response").route(post().to(direct::test_direct_response)),
        )
        .service(resource("/chat/tools").route(get().to(tools::list_chat_tools)))
        .service(resource("/chat/tools/capabilities").route(get().to(tools::get_capabilities)))
        .service(resource("/chat/tools/discover").route(get().to(tools::discover_tools)))
        .service(
            resource("/chat/files/{conversation_id}/{message_id}")
                .route(get().to(files::list_files)),
        )
        .service(
            resource("/chat/download/{conversation_id}/{message_id}/{filename}")
                .route(get().to(files::download_file)),
        );
}

/// What stands under one conversation.
fn conversation_routes(config: &mut ServiceConfig) {
    let of_one = |rest: &str| format!("/chat/conversations/{{conversation_id}}{rest}");
    config
        .service(
            resource("/chat/conversations")
                .route(get().to(conversations::list_conversations))
                .route(post().to(conversations::create_conversation)),
        )
        .service(
            resource(of_one(""))
                .route(get().to(conversations::get_conversation))
                .route(put().to(conversations::rename_conversation))
                .route(delete().to(conversations::delete_conversation)),
        )
        .service(
            resource(of_one("/messages"))
                .route(get().to(messages::list_messages))
                .route(post().to(send::send_message)),
        )
        .service(resource(of_one("/events")).route(get().to(stream::follow_conversation)))
        .service(resource(of_one("/messages/stream")).route(post().to(stream::send_message_stream)))
        .service(resource(of_one("/messages/{message_id}")).route(get().to(messages::get_message)))
        .service(
            resource(of_one("/messages/{message_id}/cancel"))
                .route(post().to(messages::cancel_turn)),
        )
        .service(
            resource(of_one("/messages/{message_id}/siblings"))
                .route(get().to(messages::list_siblings)),
        )
        .service(
            resource(of_one("/messages/{message_id}/select"))
                .route(post().to(messages::select_branch)),
        )
        .service(resource(of_one("/validate-tool")).route(post().to(explain::validate_tool)))
        .service(resource(of_one("/explain-intent")).route(post().to(explain::explain_intent)))
        .service(resource(of_one("/explain-tools")).route(post().to(explain::explain_tools)));
}

/// Their description.
#[derive(OpenApi)]
#[openapi(paths(
    conversations::list_conversations,
    conversations::create_conversation,
    conversations::get_conversation,
    conversations::rename_conversation,
    conversations::delete_conversation,
    send::send_message,
    messages::list_messages,
    messages::get_message,
    messages::cancel_turn,
    messages::list_siblings,
    messages::select_branch,
    stream::send_message_stream,
    stream::follow_conversation,
    proposals::list_proposals,
    proposals::confirm_proposal,
    proposals::resolve_doubt,
    direct::test_direct_response,
    tools::list_chat_tools,
    tools::get_capabilities,
    tools::discover_tools,
    files::download_file,
    files::list_files,
    explain::validate_tool,
    explain::explain_intent,
    explain::explain_tools
))]
pub(super) struct Api;
