//! JSON ⇄ CBOR without trees.
