"""How a run is taken back. Law: only what the run made is removed, and only what was read to be so is believed.

provenance  which objects at a target the run made, and which are left alone and why (promise 17)
removal     what a read says became of what jobs remove and restore (promise 16)
finishing   what of its finishing is taken back first
"""
