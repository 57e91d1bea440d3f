//! What may stand in a workflow: conditions and `{{…}}`.
