const _: () = {
    use ::health_core::__private_v1::{self as __health, here as __here};
    #[automatically_derived]
    impl __health::HealthComponent for Billing {
        const NAME: &'static __health::str = "billing";
        fn parts(parts: &mut __health::Parts<'_, Self>) {
            parts.group("payments");
            parts
                .itself(__health::SpecRecord {
                    description: "Everything billing needs.",
                    timeout: __health::Some(__health::Duration::new(1u64, 0u32)),
                    ..__health::SpecRecord::new("", __here())
                });
            parts
                .check_with::<
                    PgPool,
                >(
                    __health::SpecRecord {
                        description: "The ledger answers.",
                        timeout: __health::Some(__health::Duration::new(2u64, 0u32)),
                        ..__health::SpecRecord::new("ledger", __here())
                    },
                    |this| &this.ledger,
                    |value| __health::run(__health::asked(ping_ledger(value))),
                );
            parts
                .check_blocking::<
                    Client,
                >(
                    __health::SpecRecord::new("bank", __here()),
                    |this| &this.bank,
                    |value| __health::outcome(clients::reach(value)),
                );
            parts
                .check_with::<
                    Client,
                >(
                    __health::SpecRecord::new("cache", __here()),
                    |this| &this.cache,
                    |value| __health::ran(clients::look(value)),
                );
            parts
                .check::<
                    InvoiceQueue,
                >(
                    __health::SpecRecord {
                        failure_threshold: __health::Some(3u32),
                        idle: __health::Some(__health::Duration::new(30u64, 0u32)),
                        critical: __health::Some(false),
                        ..__health::SpecRecord::new("invoices", __here())
                    },
                    |this| &this.invoices,
                );
            parts.component::<Option<Box<Self>>>("archive", |this| &this.archive);
            parts
                .each::<
                    BTreeMap<String, Shard>,
                >(
                    __health::SpecRecord {
                        critical: __health::Some(false),
                        ..__health::SpecRecord::new("shards", __here())
                    },
                    |this| &this.shards,
                );
        }
    }
    static SUBMIT: () = __health::submit(
        __health::ComponentRecord::of::<Billing>(__here()),
    );
};
