//! The manifest of a delivered result and the events about it.
