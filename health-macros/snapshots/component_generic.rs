const _: () = {
    use ::health_core::__private_v1::{self as __health, here as __here};
    #[automatically_derived]
    impl<T, C, M, const N: usize> __health::HealthComponent for Mirrored<T, C, M, N>
    where
        T: Clone,
        T: __health::Send + __health::Sync + 'static + __health::HealthCheck,
        C: __health::Send + __health::Sync + 'static + __health::HealthComponent,
        M: __health::Send + __health::Sync + 'static + __health::NamedChecks,
    {
        const NAME: &'static __health::str = "mirrored";
        fn parts(parts: &mut __health::Parts<'_, Self>) {
            parts
                .check::<
                    Arc<T>,
                >(__health::SpecRecord::new("one", __here()), |this| &this.one);
            parts.component::<Option<C>>("two", |this| &this.two);
            parts
                .each::<
                    M,
                >(
                    __health::SpecRecord {
                        critical: __health::Some(true),
                        ..__health::SpecRecord::new("three", __here())
                    },
                    |this| &this.three,
                );
        }
    }
};
