//! What a mart's file says, what it is refused for, and what is made of it. Nothing here talks to anyone.

mod bodies;
mod headers;
mod made;
mod support;
