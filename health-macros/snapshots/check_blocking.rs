fn r#type(folder: &Path) -> io::Result<()> {
    todo!()
}
const _: () = {
    use ::health_core::__private_v1::{self as __health, here as __here};
    static SUBMIT: () = __health::submit(__health::CheckRecord {
        spec: __health::SpecRecord {
            timeout: __health::Some(__health::duration(LIMIT)),
            ..__health::SpecRecord::new("type", __here())
        },
        bind: |binder| __health::thread(
            [__health::lend::<Path>(binder, "folder")],
            |lent| __health::outcome::<io::Result<()>>(r#type(lent.get::<Path>(0usize))),
        ),
    });
};
