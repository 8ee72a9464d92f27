async fn database(pool: &PgPool) {}
::core::compile_error! {
    "unknown key `timout`: did you mean `timeout`? the known keys are `name`, `probe`, `timeout`, `critical`, `scope`, `group`, `depends_on`, `blocking`, `enabled`, `crate`"
}
::core::compile_error! {
    "`critical` takes `true` or `false`: write `critical = true`"
}
