/* Browsers start no workers in pages that were opened from a disk. The search's worker runs in a hidden frame there. */
(function () {
  if (location.protocol !== "file:") return
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.body.appendChild(frame)
      this.frame = frame
      this.waiting = []
      const inside = frame.contentWindow
      inside.answer = data => this.hand(new MessageEvent("message", { data }))
      inside.ready = () => { this.started = true; this.waiting.splice(0).forEach(data => this.send(data)) }
      const prelude = `
        self.postMessage = data => answer(data)
        self.importScripts = (...urls) => urls.reduce((before, url) => before.then(() => new Promise((done, failed) => {
          const script = document.createElement("script")
          script.src = url
          script.onload = done
          script.onerror = failed
          document.body.appendChild(script)
        })), Promise.resolve())`
      inside.document.open()
      inside.document.write(`<!doctype html><html><head><base href="${location.href}"></head><body>` +
        `<script>${prelude}</` + `script><script src="${url}" onload="ready()"></` + `script></body></html>`)
      inside.document.close()
    }
    hand(event) { this.dispatchEvent(event); if (this.onmessage) this.onmessage(event) }
    send(data) { this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data })) }
    postMessage(data) { if (this.started) this.send(data); else this.waiting.push(data) }
    terminate() { this.frame.remove() }
  }
})()
