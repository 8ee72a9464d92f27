::core::compile_error! {
    "unknown key `chek`: did you mean `check`? the known keys are `check`, `component`, `each`, `name`, `group`, `probe`, `timeout`, `critical`, `scope`, `depends_on`, `interval`, `cache`, `max_age`, `failure_threshold`, `success_threshold`, `backoff`, `idle`, `enabled`, `blocking`"
}
#[automatically_derived]
impl ::health_core::__private_v1::HealthComponent for Storage {
    const NAME: &'static ::health_core::__private_v1::str = "";
    fn parts(_: &mut ::health_core::__private_v1::Parts<'_, Self>) {}
}
