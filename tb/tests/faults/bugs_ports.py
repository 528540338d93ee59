"""Faults at the ports: streams, registers, resets, and the bench's own players."""

from __future__ import annotations

from typing import Final

from tb.tests.faults.detection import (
    ANSWERS,
    BUSY,
    FAILING,
    FAILS_ONE,
    IN_ANY_ORDER,
    MODELS,
    REGISTERS,
    RESET,
    STALLS,
    WITHIN_A_CYCLE,
    catalogued,
    detection,
)

OUTPUT: Final = "SIDE_W > 1"
"""In a skid buffer: it is the output's, whose beats have TKEEP and TUSER beside them."""

PORTS: Final = (
    detection(
        ("valid dropped", "axis_skid.v"),
        (
            "assign m_valid = out_valid;",
            f"assign m_valid = out_valid && !({OUTPUT} && spare_valid);",
        ),
        STALLS,
        "m_axis_out.*valid is held",
    ),
    detection(
        ("data changed while stalled", "axis_skid.v"),
        (
            "            spare_data  <= s_data;\n",
            "            spare_data  <= s_data;\n"
            f"            if ({OUTPUT})\n                out_data <= s_data;\n",
        ),
        STALLS,
        "m_axis_out.*payload is held",
    ),
    detection(
        ("output beat lost", "axis_skid.v"),
        (
            "            spare_valid <= 1'b1;\n",
            f"            spare_valid <= !({OUTPUT});\n",
        ),
        STALLS,
        "m_axis_out.*TLAST is early",
    ),
    detection(
        ("output beat doubled", "axis_skid.v"),
        (
            "assign s_ready = !spare_valid;",
            f"assign s_ready = !spare_valid && (!({OUTPUT}) || m_ready || !out_valid);",
        ),
        STALLS,
        "m_axis_out.*TLAST is missing",
    ),
    catalogued("tlast-after-every-group", STALLS, "m_axis_out.*TLAST is early"),
    detection(
        ("TLAST missing", "drain.v"),
        ("out_last    <= value_last;", "out_last    <= 1'b0;"),
        STALLS,
        "m_axis_out.*TLAST is missing",
    ),
    detection(
        ("TKEEP with a hole", "drain.v"),
        ("{16'd0, bank_channels} > lane", "{16'd0, bank_channels} > lane && lane != 1"),
        STALLS,
        "m_axis_out.*TKEEP has a hole",
    ),
    detection(
        ("TKEEP empty", "conv_pe.v"),
        ("{(A_W/8){out_keep[o]}}", "{(A_W/8){1'b0 && out_keep[o]}}"),
        STALLS,
        "m_axis_out.*TKEEP is empty",
    ),
    detection(
        ("output speaks in reset", "axis_skid.v"),
        (
            "        if (rst) begin\n            out_valid   <= 1'b0;\n",
            f"        if (rst) begin\n            out_valid   <= {OUTPUT};\n",
        ),
        STALLS,
        "m_axis_out.*silent in reset",
        icarus="silent in reset|control is known",
    ),
    detection(
        ("output not reset", "axis_skid.v"),
        ("        if (rst) begin\n            out_valid   <= 1'b0;\n", "        if (rst) begin\n"),
        STALLS,
        "(m_axis_out|s_axis).*valid is known|control is known",
        only="icarus",
    ),
    detection(
        ("start taken while busy", "axil_regs.v"),
        ("(!ready || start);", "start;"),
        BUSY,
        "assert 0 == 2",
    ),
    detection(
        ("response dropped", "axil_regs.v"),
        ("if (s_axil_bready)", "if (1'b1)"),
        MODELS,
        "AXI4-Lite channel 2.*valid is held",
    ),
    detection(
        ("partial write taken", "axil_regs.v"),
        ("strobe == 4'b1111", "strobe != 4'b0000"),
        REGISTERS,
        "assert 0 == 2",
    ),
    detection(
        ("read data changes", "axil_regs.v"),
        (
            "        if (rst)\n            s_axil_rvalid <= 1'b0;\n",
            "        if (s_axil_rvalid)\n            s_axil_rdata <= ~s_axil_rdata;\n"
            "        if (rst)\n            s_axil_rvalid <= 1'b0;\n",
        ),
        ANSWERS,
        "AXI4-Lite channel 4.*payload is held",
    ),
    detection(
        ("start answered twice", "axil_regs.v"),
        (
            "        if (s_axil_bready)\n            s_axil_bvalid <= 1'b0;\n",
            "        if (s_axil_bready)\n            s_axil_bvalid <= start;\n",
        ),
        STALLS,
        "AXI4-Lite channel 2.*B without a write",
    ),
    detection(
        ("address ready follows the data", "axil_regs.v"),
        ("s_axil_awready = !address_kept && !s_axil_bvalid;", "s_axil_awready = write;"),
        WITHIN_A_CYCLE,
        "s_axil_awready moves with an input within a cycle",
    ),
    detection(
        ("data ready follows the address", "axil_regs.v"),
        ("s_axil_wready  = !data_kept && !s_axil_bvalid;", "s_axil_wready  = write;"),
        WITHIN_A_CYCLE,
        "s_axil_wready moves with an input within a cycle",
    ),
    detection(
        ("input ready passes through", "axis_skid.v"),
        (
            "assign s_ready = !spare_valid;",
            "assign s_ready = !spare_valid && (SIDE_W > 1 || s_valid);",
        ),
        WITHIN_A_CYCLE,
        "s_axis_(act|wgt)_tready.* with an input within a cycle",
    ),
    detection(
        ("data that came first is lost", "axil_regs.v"),
        ("data_kept ? kept_data : s_axil_wdata;", "s_axil_wdata;"),
        IN_ANY_ORDER,
        "assert",
    ),
    detection(
        ("strobes that came first are lost", "axil_regs.v"),
        ("data_kept ? kept_strobe : s_axil_wstrb;", "s_axil_wstrb;"),
        IN_ANY_ORDER,
        "assert",
    ),
    detection(
        ("address that came first is lost", "axil_regs.v"),
        ("address_kept ? kept_address : s_axil_awaddr;", "s_axil_awaddr;"),
        IN_ANY_ORDER,
        "assert",
    ),
    detection(
        ("address lost behind a response", "axil_regs.v"),
        ("s_axil_awready = !address_kept && !s_axil_bvalid;", "s_axil_awready = !address_kept;"),
        IN_ANY_ORDER,
        "no answer within 200 clocks|assert",
    ),
    detection(
        ("response of no kind", "axil_regs.v"),
        ("s_axil_bresp  <= OKAY;", "s_axil_bresp  <= 2'b01;"),
        ANSWERS,
        "AXI4-Lite channel 2.*response is legal",
    ),
    detection(
        ("interrupt not reset", "job_control.v"),
        ("            irq         <= 1'b0;\n", ""),
        STALLS,
        "AXI4-Lite channel -1.*signal is known",
        only="icarus",
    ),
    detection(
        ("shadow state not reset", "weight_loader.v"),
        ("            weights_full <= 1'b0;\n            bias_full    <= 1'b0;\n", ""),
        STALLS,
        "control is known",
        only="icarus",
    ),
    detection(
        ("bank pointer not reset", "drain.v"),
        ("            read_bank   <= 1'b0;\n", ""),
        FAILS_ONE,
        "did not end|TLAST is early",
    ),
    detection(
        ("fetch not reset", "job_fetch.v"),
        (
            "        if (rst) begin\n            state       <= EMPTY;\n",
            "        if (rst) begin\n",
        ),
        RESET,
        "takes no start",
        icarus="is known|X.*to int",
    ),
    detection(
        ("control not reset", "job_control.v"),
        (
            "        if (rst) begin\n            state       <= RUN;\n",
            "        if (rst) begin\n",
        ),
        FAILING,
        "did not end",
        icarus="is known",
    ),
    detection(
        ("driver changes data", "stream_player.v"),
        ("if (!tvalid || tready) begin", "if (1'b1) begin"),
        STALLS,
        "s_axis_(act|wgt).*(payload|valid) is held",
    ),
    detection(
        ("driver ends early", "stream_player.v"),
        ("tlast  <= left == 32'd1;", "tlast  <= left == 32'd2;"),
        STALLS,
        "s_axis_(act|wgt).*TLAST is early",
    ),
)
