//! Trying out conditions and substitution (contract, sections 6.9 and 6.10).

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{ServiceConfig, post, resource};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{OpenApi, ToSchema};

use super::body::Body;
use super::caller::Caller;
use super::problem::{Answer, Problem};
use crate::expressions::condition::{self, ConditionError};
use crate::expressions::context::Context;
use crate::expressions::template::{Template, substitutions};

/// The operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config.service(resource("/workflows/test-condition").route(post().to(test_condition))).service(
        resource("/workflows/test-variable-substitution")
            .route(post().to(test_variable_substitution)),
    );
}

/// Their description.
#[derive(OpenApi)]
#[openapi(paths(test_condition, test_variable_substitution))]
pub(super) struct Api;

/// A condition and what it looks at.
#[derive(Debug, Deserialize, ToSchema)]
pub struct TestCondition {
    /// The condition.
    pub condition: Map<String, Value>,
    /// What it sees.
    pub context: Map<String, Value>,
}

/// Parameters and what their expressions see.
#[derive(Debug, Deserialize, ToSchema)]
pub struct TestSubstitution {
    /// The parameters.
    pub parameters: Map<String, Value>,
    /// What their expressions see.
    pub context: Map<String, Value>,
}

/// Parameters before and after.
#[derive(Debug, Serialize, ToSchema)]
pub struct Substituted {
    /// As they were sent.
    pub original_parameters: Map<String, Value>,
    /// With all expressions filled in.
    pub substituted_parameters: Map<String, Value>,
    /// `"<key>: <old> -> <new>"` for each parameter that is a text and changed.
    pub substitutions_made: Vec<String>,
}

/// Evaluates a condition.
#[utoipa::path(post, path = "/workflows/test-condition", tag = "workflows",
    security(("HTTPBearer" = [])), request_body = TestCondition,
    responses((status = 200), (status = 422)))]
pub(super) async fn test_condition(_caller: Caller, body: Body<TestCondition>) -> Answer {
    let TestCondition { condition, context } = body.0;
    let context = Context::given(Arc::new(Value::Object(context)));
    let condition = Value::Object(condition);
    match condition::evaluate(Some(&condition), &context) {
        Ok(evaluation) => Ok(HttpResponse::Ok().json(evaluation)),
        Err(error @ (ConditionError::Incomparable { .. } | ConditionError::Limit(_))) => {
            let loc = ["body", "condition"];
            Err(Problem::invalid(&loc, "value_error", &error.to_string(), Some(condition)))
        }
    }
}

/// Fills in the expressions of some parameters.
#[utoipa::path(post, path = "/workflows/test-variable-substitution", tag = "workflows",
    security(("HTTPBearer" = [])), request_body = TestSubstitution,
    responses((status = 200, body = Substituted), (status = 422)))]
pub(super) async fn test_variable_substitution(
    _caller: Caller,
    body: Body<TestSubstitution>,
) -> Answer {
    let TestSubstitution { parameters, context } = body.0;
    let context = Context::given(Arc::new(Value::Object(context)));
    let filled = Template::compile(&parameters).render(&context).map_err(|limit| {
        let loc = ["body", "parameters"];
        Problem::invalid(&loc, "value_error", &limit.to_string(), None)
    })?;
    let substitutions_made = substitutions(&parameters, &filled);
    Ok(HttpResponse::Ok().json(Substituted {
        original_parameters: parameters,
        substituted_parameters: filled,
        substitutions_made,
    }))
}
