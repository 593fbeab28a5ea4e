// At the end: what is still collected is written.
clearInterval(context.get('timer'))
context.get('batch').write()
