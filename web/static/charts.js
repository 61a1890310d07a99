// Charts are drawn from the table that stands behind each: who cannot see one reads the other.
"use strict";
(() => {
  const COLOURS = ["--c1", "--c2", "--c3", "--c4", "--c5"];
  const DASHES = [[], [6, 4], [2, 3], [10, 4, 2, 4], [1, 2]];
  // People and texts come in whole numbers.
  const WHOLE = [0, 1, 2, 3, 4, 5, 6].flatMap((power) => [1, 2, 5].map((one) => one * 10 ** power));
  const drawn = new WeakMap();
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const read = (table) => {
    const rows = [...table.tBodies[0].rows];
    const x = rows.map((row) => Date.parse(row.cells[0].querySelector("time")?.dateTime ?? row.cells[0].dataset.day) / 1000);
    const heads = [...table.tHead.rows[0].cells].slice(1);
    const series = heads.map((_, at) => rows.map((row) => {
      const value = row.cells[at + 1].dataset.value;
      return value === undefined || value === "" ? null : Number(value);
    }));
    return { x, names: heads.map((head) => head.textContent.trim()), series };
  };
  const lang = document.documentElement.lang;
  const reader = navigator.language.startsWith(lang) ? undefined : lang;
  const number = new Intl.NumberFormat(reader);
  const day = new Intl.DateTimeFormat(reader, { month: "numeric", day: "numeric" });
  const hour = new Intl.DateTimeFormat(reader, { hour: "numeric", minute: "2-digit" });
  const when = (_, ticks, __, ___, step) => ticks.map((one) => (step < 86400 ? hour : day).format(new Date(one * 1000)));
  const axes = (unit) => {
    const common = { stroke: style("--ink-2"), font: "12px Inter Variable, sans-serif", grid: { stroke: style("--line-2"), width: 1 }, ticks: { show: false } };
    return [{ ...common, grid: { show: false }, values: when }, { ...common, size: 64, ...(unit === "money" ? {} : { incrs: WHOLE }), values: (_, ticks) => ticks.map((one) => (unit === "%" ? `${one} %` : number.format(one))) }];
  };
  const draw = (figure) => {
    const { x, names, series } = read(figure.querySelector("details table"));
    const space = figure.querySelector(".chart-space");
    const bars = figure.dataset.chart === "bars";
    const look = (name, at) => ({
      label: name,
      value: (_, value) => (value === null || value === undefined ? "" : number.format(value)),
      stroke: style(COLOURS[at % COLOURS.length]),
      fill: bars ? style(COLOURS[at % COLOURS.length]) : undefined,
      width: bars ? 0 : 2,
      dash: bars ? undefined : DASHES[at % DASHES.length],
      paths: bars ? uPlot.paths.bars({ size: [0.7, 48], radius: 0.15 }) : undefined,
      spanGaps: !bars,
      points: { show: !bars && x.length < 20, size: 6 },
    });
    const gap = x.length > 1 ? x[1] - x[0] : 3600;
    // A few bars keep the width of hours; around a single point uPlot itself would show years.
    const from = x[0] - gap / 2;
    const own = () => [from, Math.max(x[x.length - 1] + gap / 2, from + 6 * gap)];
    const options = {
      width: space.clientWidth,
      height: Number(figure.dataset.height ?? 220),
      legend: { show: names.length > 1 },
      cursor: { y: false, drag: { x: false, y: false } },
      scales: { x: { time: true, range: bars || x.length === 1 ? own : undefined }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.12 : 1] } },
      axes: axes(figure.dataset.unit),
      series: [{}, ...names.map(look)],
    };
    drawn.get(figure)?.destroy();
    drawn.set(figure, new uPlot(options, [x, ...series], space));
    watch.observe(space);
  };
  // A chart is as wide as its place at any moment: a narrowed window, a menu that opens, a page turned to be printed.
  const watch = new ResizeObserver((seen) => seen.forEach(({ target, contentRect }) => {
    const chart = drawn.get(target.closest("figure"));
    if (chart && contentRect.width && chart.width !== contentRect.width) chart.setSize({ width: contentRect.width, height: chart.height });
  }));
  document.querySelectorAll("figure.chart").forEach((figure) => { if (figure.querySelector("details tbody tr")) draw(figure); });
  document.addEventListener("htmx:load", (event) => event.target !== document.body && event.target.querySelectorAll?.("figure.chart").forEach(draw));
})();
