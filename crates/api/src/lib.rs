//! Inbound HTTP: routes, problem documents, limits, the OpenAPI document and Swagger UI.
