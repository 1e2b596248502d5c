// Which features speak for a threat.

import { element } from './element.js';
import { countText, percentText } from './number_text.js';
import { emptyWords, fillPanel, panelHead } from './panel.js';

const TOP = 10;

/** Fills the panel in. */
export function showReasons(contributions, view) {
  fillPanel('reasons', [contributions, view.positive_class], () => {
    const head = panelHead('reasons', 'Top contributing features');
    if (!contributions || contributions.features.length === 0) {
      return [head, emptyWords('No model is known to this service, so nothing can be explained.')];
    }
    const isLive = contributions.kind === 'explained';
    const largest = contributions.features[0].share || 1;
    const list = contributions.features.slice(0, TOP).map(({ feature, share }) => {
      const bar = element('span', { class: 'importance-fill' });
      bar.style.setProperty('--share', share / largest);
      return element('li', { 'data-feature': feature },
        element('span', { class: 'importance-name', title: feature }, feature),
        element('span', { class: 'importance-track', 'aria-hidden': 'true' }, bar),
        element('span', { class: 'bar-number' }, percentText(share)));
    });
    const threat = view.positive_class ?? 'a threat';
    return [
      head,
      element('ol', { class: isLive ? 'importances toward-threat' : 'importances' }, list),
      element('p', { class: 'hint' }, isLive
        ? `Share of what spoke for ${threat}, in ${countText(contributions.n_rows)} rows taken for it most recently.`
        : `No rows are recorded, so these are the importances of the model ${contributions.model}.`),
    ];
  });
}
