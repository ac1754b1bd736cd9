//! The edge as viewers see it, in front of a stack of its own.

mod api;
mod lifecycle;
mod signed;
mod support;
