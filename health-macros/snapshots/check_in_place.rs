fn depth(queue: &Queue) -> Status {
    todo!()
}
const _: () = {
    use ::health_core::__private_v1::{self as __health, here as __here};
    static SUBMIT: () = __health::submit(__health::CheckRecord {
        spec: __health::SpecRecord {
            probes: __health::ProbeSet::NONE,
            interval: __health::Some(__health::Interval::Never),
            ..__health::SpecRecord::new("depth", __here())
        },
        bind: |binder| __health::task(
            [__health::lend::<Queue>(binder, "queue")],
            |lent| __health::ran::<Status>(depth(lent.get::<Queue>(0usize))),
        ),
    });
};
