/// The primary database answers.
#[expect(deprecated)]
pub(crate) async fn database<'a>(
    pool: &'a PgPool,
    queue: &dyn Queue,
    _: &str,
) -> Result<(), Refused<'a>> {
    todo!()
}
#[allow(deprecated)]
const _: () = {
    use ::framework::health_core::__private_v1::{self as __health, here as __here};
    static SUBMIT: () = __health::submit(__health::CheckRecord {
        spec: __health::SpecRecord {
            description: "The primary database answers.",
            probes: __health::ProbeSet::of(
                &[__health::Probe::Live, __health::Probe::Ready],
            ),
            timeout: __health::Some(__health::Duration::new(90u64, 0u32)),
            interval: __health::Some(
                __health::Interval::Every(__health::Duration::new(5u64, 0u32)),
            ),
            cache: __health::Some(__health::duration(LIMIT)),
            max_age: __health::Some(__health::Duration::new(600u64, 0u32)),
            failure_threshold: __health::Some(3u32),
            success_threshold: __health::Some(2u32),
            backoff: __health::Some(__health::Duration::new(120u64, 0u32)),
            critical: __health::Some(true),
            scope: __health::Some(__health::Scope::Local),
            group: __health::Some("storage"),
            depends_on: &["network", "disk"],
            enabled: false,
            ..__health::SpecRecord::new("storage/db", __here())
        },
        bind: |binder| __health::task(
            [
                __health::lend::<PgPool>(binder, "pool"),
                __health::lend::<dyn Queue>(binder, "queue"),
                __health::lend::<str>(binder, "_"),
            ],
            |lent| __health::run::<
                Result<(), Refused<'_>>,
            >(
                database(
                    lent.get::<PgPool>(0usize),
                    lent.get::<dyn Queue>(1usize),
                    lent.get::<str>(2usize),
                ),
            ),
        ),
    });
};
