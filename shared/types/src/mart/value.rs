//! Parameters of a request, checked against their definition, and the statement that carries them.
