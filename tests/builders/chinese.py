"""A world whose applications have Chinese, Japanese and Korean names, as ROMA allows them (API 2.1)."""

from dataclasses import replace

from orchestrator.emulator.world.generate import generate
from orchestrator.emulator.world.options import Duration, Durations
from orchestrator.emulator.world.world import World

#: one that a table must cut, one in two scripts, two that are not Chinese, and a plain one among them
NAMES = (
    "订单中心网关", "客户主数据同步与对账服务（华北四区生产环境专用集成应用）", "orders-订单-web", "請求書サービス",
    "주문-게이트웨이", "billing-web",
)  # fmt: skip
_QUICK = Durations(Duration(0.05), Duration(0.05), Duration(0.05))


def chinese_world() -> World:
    """Six applications at dev, twelve tasks between them, nothing at prod."""
    world = generate(6, 12, durations=_QUICK)
    dev, *others = world.instances
    named = tuple(replace(app, name=name) for app, name in zip(dev.apps, NAMES, strict=True))
    return replace(world, instances=(replace(dev, apps=named), *others))
