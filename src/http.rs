//! The edge: requests to commands, views to answers.
