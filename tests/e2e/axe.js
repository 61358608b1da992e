/**
 * Run in the page by tests/e2e/test_axe.py, after axe itself: what is wrong on it, a line each.
 * Details are opened first, and every dialog that the page has a template of is shown once.
 */
async ({ tags, isWhole, known }) => {
  const only = isWhole
    ? { type: 'tag', values: tags }
    : { type: 'rule', values: ['color-contrast', 'link-in-text-block'] };
  const options = { runOnly: only, preload: false, resultTypes: ['violations'] };
  const look = async (place, name) => {
    const { violations } = await axe.run(place, options);
    return violations.flatMap((one) =>
      one.nodes.map((node) => `${name}${one.id}: ${node.target.join(' ')} ${node.failureSummary}`),
    );
  };

  for (const each of document.querySelectorAll('details')) each.open = true;
  const found = await look(document, '');
  const shown = [];
  for (const template of document.querySelectorAll('template')) {
    const title = template.content.firstElementChild;
    if (title?.tagName !== 'H2' || known.includes(template.id)) continue;
    const dialog = document.createElement('dialog');
    dialog.append(template.content.cloneNode(true));
    const heading = dialog.querySelector('h2');
    heading.id = 'axe-dialog';
    dialog.setAttribute('aria-labelledby', heading.id);
    document.body.append(dialog);
    dialog.showModal();
    found.push(...(await look(dialog, `${template.id} `)));
    if (dialog.scrollWidth > dialog.clientWidth) found.push(`${template.id} is too wide`);
    dialog.close();
    dialog.remove();
    shown.push(template.id);
  }
  return { found, shown };
};
