'use strict';
// Keeps the page up: the server renders it, an event says when to ask for it again, and only what differs is changed.
(() => {
  const CALM = 10_000, POLL = 5_000, PATIENCE = 5_000, PAUSE = 300, STALE = 20_000, SILENCE = 40_000;
  const byId = (id) => document.getElementById(id);
  const { live, stale, filter, found } = { live: byId('live'), stale: byId('stale'), filter: byId('filter'), found: byId('found') };
  const events = document.body.dataset.events;
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const here = () => { const url = new URL(location.href); url.username = url.password = url.hash = ''; return url; };

  // Times: what the server's clock says, seen from now.
  let ahead = 0, fresh = 0;
  const local = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
  const ago = (at) => {
    const seconds = (Date.now() + ahead - at) / 1000, far = Math.abs(seconds);
    const [count, unit] = far < 60 ? [0, ''] : far < 3600 ? [far / 60, 'min'] : far < 86400 ? [far / 3600, 'h'] : [far / 86400, 'd'];
    const text = unit ? Math.floor(count) + ' ' + unit : 'a minute';
    return seconds < 0 ? 'in ' + text : unit ? text + ' ago' : 'just now';
  };
  const date = (time) => {
    const at = new Date(time.dateTime);
    const text = time.dataset.ago === undefined ? local.format(at) : ago(at);
    if (time.textContent !== text) time.textContent = text;
    if (time.dataset.ago !== undefined) time.title = local.format(at);
  };
  const clock = (at) => new Date(at).toLocaleTimeString(undefined, { hour12: false });

  // Which of many it is.
  const title = (text) => { document.title = text.replace(/health$/, location.host); };

  // What differs is changed, what is the same stays: focus, scroll and selection with it.
  const same = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.id || '') === (b.id || '');
  const attributes = (a, b) => {
    // Unfolding is the reader's affair, unless the server has changed its mind.
    const keeps = a.localName === 'details' && a.dataset.auto === b.dataset.auto;
    for (const { name, value } of b.attributes) if (!(keeps && name === 'open') && a.getAttribute(name) !== value) a.setAttribute(name, value);
    for (const { name } of [...a.attributes]) if (!(keeps && name === 'open') && !b.hasAttribute(name)) a.removeAttribute(name);
  };
  const change = (a, b) => {
    if (a.nodeType !== Node.ELEMENT_NODE) { if (a.data !== b.data) a.data = b.data; return; }
    if (a.dataset?.keep !== undefined || a.localName === 'script' || a.localName === 'noscript') return;
    attributes(a, b);
    const known = new Map();
    for (const child of a.children) if (child.id) known.set(child.id, child);
    let at = a.firstChild;
    for (const next of [...b.childNodes]) {
      const match = next.id ? known.get(next.id) : at && !at.id && same(at, next) ? at : null;
      if (!match || !same(match, next)) { a.insertBefore(next, at); continue; }
      if (match === at) at = at.nextSibling; else a.insertBefore(match, at);
      change(match, next);
    }
    while (at) { const rest = at.nextSibling; at.remove(); at = rest; }
  };
  const apply = (html) => {
    const next = new DOMParser().parseFromString(html, 'text/html');
    if (!next.body.dataset.now) throw new Error('the answer is another page');
    if (next.documentElement.dataset.build !== document.documentElement.dataset.build) return location.reload();
    ahead = new Date(next.body.dataset.now) - Date.now();
    next.querySelectorAll('main time, header time').forEach(date);
    const focus = document.activeElement, home = focus?.closest('[id]')?.id;
    change(document.body, next.body);
    if (home && document.activeElement !== focus) (byId(home)?.querySelector('summary') ?? byId(home))?.focus({ preventScroll: true });
    title(next.title);
    const icon = document.querySelector('link[rel=icon]'), better = next.querySelector('link[rel=icon]');
    if (icon && better && icon.getAttribute('href') !== better.getAttribute('href')) icon.href = better.getAttribute('href');
    look();
  };

  // How good it is.
  let trouble = '', polls = 'Connecting';
  const tell = () => {
    // A page that nobody sees asks for nothing by itself.
    const old = trouble || (!document.hidden && Date.now() - fresh > STALE ? 'nothing was heard' : '');
    const said = old ? 'Not live since ' + clock(fresh) + ': ' + old + '. Trying again.' : '';
    document.body.classList.toggle('stale', !!old);
    if (stale.textContent !== said) stale.textContent = said;
    document.documentElement.dataset.link = old ? 'stale' : polls ? 'polled' : 'live';
    const text = old ? 'Not live' : polls || 'Live';
    if (live.textContent !== text) live.textContent = text;
  };

  // One question at a time; what comes up meanwhile is asked right after it.
  let asking = false, again = false;
  const ask = async () => {
    if (asking) { again = true; return; }
    asking = true;
    do {
      again = false;
      try {
        const answer = await fetch(here(), { cache: 'no-store', redirect: 'error', signal: AbortSignal.timeout(PATIENCE) });
        if (!answer.ok) throw new Error('the answer was ' + answer.status);
        apply(await answer.text());
        trouble = '';
        fresh = Date.now();
      } catch (error) {
        trouble = error instanceof TypeError || error.name === 'TimeoutError' ? 'the connection is lost' : error.message;
      }
      tell();
      await wait(PAUSE);
    } while (again);
    asking = false;
  };

  // Events, read as a stream: so that the heartbeat is heard, and why there are none is known.
  const listen = async () => {
    const stop = new AbortController();
    let watch = 0;
    const heard = () => { clearTimeout(watch); watch = setTimeout(() => stop.abort(), SILENCE); };
    try {
      heard();
      const answer = await fetch(new URL(events, here()), { cache: 'no-store', redirect: 'error', headers: { accept: 'text/event-stream' }, signal: stop.signal });
      if (!answer.ok) {
        polls = answer.status === 503 ? 'Too many readers: every 5 s' : 'No events: every 5 s';
        answer.body?.cancel();
        return Math.max(Number(answer.headers.get('retry-after')) * 1000, 2 * POLL);
      }
      polls = '';
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let line = '';
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        heard();
        const lines = (line + value).split(/\r\n|\r|\n/);
        line = lines.pop().slice(-4096);
        if (lines.some((text) => text.startsWith('data'))) ask();
      }
    } catch {
      // Whatever it was, the next attempt tells.
    } finally {
      clearTimeout(watch);
    }
    polls = 'Reconnecting: every 5 s';
    ask();
    return 500 + Math.random() * 1500;
  };

  // The filter, and how everything was folded before it.
  const folded = new Map();
  const look = () => {
    const words = filter ? filter.value.toLowerCase().split(/\s+/).filter(Boolean) : [];
    let count = 0, all = 0;
    for (const group of document.querySelectorAll('#checks details.group')) {
      const name = group.querySelector('h3').textContent;
      let some = false;
      for (const row of group.querySelectorAll('tbody tr')) {
        const text = (name + ' ' + row.className + ' ' + row.querySelector('th').firstChild.firstChild.textContent + ' ' + row.querySelector('.critical').textContent).toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        all += 1;
        if (!row.hidden) { count += 1; some = true; }
      }
      group.hidden = !some;
      for (const fold of [group, ...group.querySelectorAll('details.well')]) {
        const rows = fold.querySelector('tbody tr:not([hidden])');
        if (words.length && !folded.has(fold.id)) folded.set(fold.id, fold.open);
        if (words.length) fold.open = !!rows;
        else if (folded.has(fold.id)) { fold.open = folded.get(fold.id); folded.delete(fold.id); }
      }
    }
    const text = words.length ? count + ' of ' + all : '';
    if (found && found.textContent !== text) found.textContent = text;
  };
  // A link to a check shows it, folded away or filtered out as it may be.
  const reveal = () => {
    const target = location.hash.length > 1 && byId(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    if (filter && target.hidden) { filter.value = ''; look(); }
    for (let fold = target.closest('details'); fold; fold = fold.parentElement.closest('details')) fold.open = true;
    const more = target.querySelector('details.more');
    if (more) { more.open = true; more.querySelector('summary').focus({ preventScroll: true }); }
    target.scrollIntoView({ block: 'center' });
  };

  document.documentElement.classList.add('script');
  ahead = new Date(document.body.dataset.now) - Date.now();
  fresh = Date.now();
  document.querySelectorAll('main time, header time').forEach(date);
  filter?.addEventListener('input', look);
  filter?.addEventListener('keydown', (event) => { if (event.key === 'Escape') { filter.value = ''; look(); } });
  addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || event.target === filter) return;
    event.preventDefault();
    filter?.focus();
  });
  addEventListener('hashchange', reveal);
  document.addEventListener('visibilitychange', () => { if (!document.hidden) ask(); });
  setInterval(() => { document.querySelectorAll('time[data-ago]').forEach(date); tell(); }, 5_000);
  (async () => { for (;;) { await wait(polls || trouble ? POLL : CALM); if (!document.hidden) ask(); } })();
  if (events) (async () => { for (;;) await wait(await listen()); })();
  else polls = 'No events: every 5 s';
  title(document.title);
  look();
  reveal();
  tell();
})();
