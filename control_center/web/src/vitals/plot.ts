import uPlot from 'uplot'
import { axisRange, type Columns, type Strip } from './series'

/** Colours and callbacks that the strips of one chart share. */
export interface StripPaint {
  line: string
  second: string
  band: string
  grid: string
  text: string
  font: string
  hour: (seconds: number) => string
  /** First and last second of the chart. */
  span: readonly [number, number]
  /** Seconds under the cursor, null when it has left. */
  onPoint: (seconds: number | null) => void
}

const STRIP_HEIGHT = 66
const AXIS_HEIGHT = 24
const AXIS_WIDTH = 36
const FEW_SAMPLES = 80
const SYNC_KEY = 'vitals'

/** Draws one strip into `target`; the strips of a page move their cursors together. */
export function drawStrip(
  target: HTMLElement,
  strip: Strip,
  columns: Columns,
  paint: StripPaint,
  withHours: boolean,
): uPlot {
  const font = `11px ${paint.font}`
  const grid = { stroke: paint.grid, width: 1 }
  const options: uPlot.Options = {
    width: Math.max(120, target.clientWidth),
    height: STRIP_HEIGHT + (withHours ? AXIS_HEIGHT : 0),
    legend: { show: false },
    padding: [6, 8, withHours ? 0 : 4, 0],
    cursor: { y: false, sync: { key: SYNC_KEY, setSeries: false }, drag: { x: false, y: false } },
    scales: { x: { time: true, range: [...paint.span] }, y: { range: (_plot, low, high) => axisRange(strip, low, high) } },
    axes: [
      {
        show: true,
        size: withHours ? AXIS_HEIGHT : 0,
        font,
        stroke: paint.text,
        grid,
        ticks: { show: false },
        space: 64,
        values: (_plot, splits) => (withHours ? splits.map(paint.hour) : splits.map(() => '')),
      },
      { size: AXIS_WIDTH, font, stroke: paint.text, grid, ticks: { show: false }, space: 26 },
    ],
    series: [{}, ...strip.vitals.map((_vital, index) => line(index === 0 ? paint.line : paint.second, columns[0].length))],
    hooks: {
      drawClear: [(plot) => fillCalmBand(plot, strip, paint.band)],
      setCursor: [(plot) => paint.onPoint(secondsUnderCursor(plot))],
    },
  }
  return new uPlot(options, columns, target)
}

/** A line; samples that are few are marked one by one. */
function line(stroke: string, count: number): uPlot.Series {
  return { stroke, width: 1.5, points: { show: count <= FEW_SAMPLES, size: 4, fill: stroke }, spanGaps: false }
}

function fillCalmBand(plot: uPlot, strip: Strip, colour: string): void {
  const { left, top, width, height } = plot.bbox
  const [low, high] = strip.calm
  const upper = Math.max(top, plot.valToPos(high, 'y', true))
  const lower = Math.min(top + height, plot.valToPos(low, 'y', true))
  if (lower <= upper) return
  plot.ctx.save()
  plot.ctx.fillStyle = colour
  plot.ctx.fillRect(left, upper, width, lower - upper)
  plot.ctx.restore()
}

function secondsUnderCursor(plot: uPlot): number | null {
  const left = plot.cursor.left ?? -1
  return left < 0 ? null : plot.posToVal(left, 'x')
}
