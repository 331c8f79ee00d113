"""What an operator sees of a run: a board on a terminal that can go back over a line, lines elsewhere."""

from tests.e2e.conftest import Serve
from tests.e2e.desk import Desk
from tests.e2e.local_roma import small_world


def test_a_terminal_gets_a_board_and_a_dumb_one_gets_lines(serve: Serve, desk: Desk) -> None:
    desk.ready(serve(small_world()))
    code, said = desk.on_terminal("run", "plan.yaml", term="dumb")
    assert code == 0, said
    assert "\x1b" not in said
    assert "all@prod" in said
    assert "imported=30/30" in said


def test_a_board_is_drawn_and_left_behind_full(serve: Serve, desk: Desk) -> None:
    desk.ready(serve(small_world()))
    code, said = desk.on_terminal("run", "plan.yaml")
    assert code == 0, said
    assert "30/30 assets" in said
    assert "elapsed" in said


def test_a_table_in_a_pipe_is_never_cut(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    plan = desk.ready(roma)
    name = "the-migration-of-everything-that-the-orders-department-owns"
    plan.write_text(plan.read_text().replace("name: all,", f"name: {name},"))
    assert f"{name}@prod" in desk.run("preview", "plan.yaml").out
    _, said = desk.on_terminal("preview", "plan.yaml")
    assert f"{name}@prod  " not in said
    assert "the-migrat" in said
