async fn database(pool: &PgPool) {}
::core::compile_error! {
    "unknown key `timout`: did you mean `timeout`? the known keys are `name`, `group`, `probe`, `timeout`, `critical`, `scope`, `depends_on`, `interval`, `cache`, `max_age`, `failure_threshold`, `success_threshold`, `backoff`, `idle`, `enabled`, `blocking`, `crate`"
}
::core::compile_error! {
    "`critical` takes `true` or `false`: write `critical = true`"
}
