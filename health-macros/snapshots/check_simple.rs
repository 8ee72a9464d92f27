async fn database() -> Result<(), Error> {
    todo!()
}
const _: () = {
    use ::health_core::__private_v1::{self as __health, here as __here};
    static SUBMIT: () = __health::submit(__health::CheckRecord {
        spec: __health::SpecRecord::new("database", __here()),
        bind: |_| __health::task([], |_| __health::run::<Result<(), Error>>(database())),
    });
};
