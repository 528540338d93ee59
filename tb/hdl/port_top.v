// Port top: the PE with its checkers, every port in the open.
//
// For test benches that drive the streams themselves, beat by beat, such as the
// independent AXI models of the protocol tests. Such models sample at the clock
// edge, before the design reacts: so the clock comes from them. Bulk data goes
// through sim_top.
`default_nettype none

module port_top #(
    parameter integer P_IC        = 16,
    parameter integer P_OC        = 16,
    parameter integer A_W         = 16,
    parameter integer W_W         = 16,
    parameter integer ACC_W       = 40,
    parameter integer MODE        = 0,
    parameter integer TILE_PIXELS = 1024,
    parameter integer INPUT_WORDS = 8192
) (
    input  wire                  clk,
    input  wire                  rst,

    input  wire [7:0]  s_axil_awaddr,
    input  wire        s_axil_awvalid,
    output wire        s_axil_awready,
    input  wire [31:0] s_axil_wdata,
    input  wire [3:0]  s_axil_wstrb,
    input  wire        s_axil_wvalid,
    output wire        s_axil_wready,
    output wire [1:0]  s_axil_bresp,
    output wire        s_axil_bvalid,
    input  wire        s_axil_bready,
    input  wire [7:0]  s_axil_araddr,
    input  wire        s_axil_arvalid,
    output wire        s_axil_arready,
    output wire [31:0] s_axil_rdata,
    output wire [1:0]  s_axil_rresp,
    output wire        s_axil_rvalid,
    input  wire        s_axil_rready,
    output wire        irq,

    input  wire [P_IC*A_W-1:0]   s_axis_act_tdata,
    input  wire                  s_axis_act_tvalid,
    output wire                  s_axis_act_tready,
    input  wire                  s_axis_act_tlast,

    input  wire [P_IC*W_W-1:0]   s_axis_wgt_tdata,
    input  wire                  s_axis_wgt_tvalid,
    output wire                  s_axis_wgt_tready,
    input  wire                  s_axis_wgt_tlast,

    output wire [P_OC*A_W-1:0]   m_axis_out_tdata,
    output wire [P_OC*A_W/8-1:0] m_axis_out_tkeep,
    output wire                  m_axis_out_tvalid,
    input  wire                  m_axis_out_tready,
    output wire                  m_axis_out_tlast,
    output wire                  m_axis_out_tuser,

    output wire                  rule_broken, // a checker's sentence is in checker.txt

    // What no port tells: each end with its code, and where the watchdog finds the control.
    output wire                  job_end,
    output wire [7:0]            end_error,
    output wire                  expires,
    output wire                  close_ready,
    output wire [1:0]            control_state,
    output wire [1:0]            pending,
    output wire                  fetching
);

    conv_pe #(
        .P_IC(P_IC), .P_OC(P_OC), .A_W(A_W), .W_W(W_W), .ACC_W(ACC_W), .MODE(MODE),
        .TILE_PIXELS(TILE_PIXELS), .INPUT_WORDS(INPUT_WORDS)
    ) dut (
        .clk(clk), .rst(rst),
        .s_axil_awaddr(s_axil_awaddr), .s_axil_awvalid(s_axil_awvalid),
        .s_axil_awready(s_axil_awready),
        .s_axil_wdata(s_axil_wdata), .s_axil_wstrb(s_axil_wstrb),
        .s_axil_wvalid(s_axil_wvalid), .s_axil_wready(s_axil_wready),
        .s_axil_bresp(s_axil_bresp), .s_axil_bvalid(s_axil_bvalid), .s_axil_bready(s_axil_bready),
        .s_axil_araddr(s_axil_araddr), .s_axil_arvalid(s_axil_arvalid),
        .s_axil_arready(s_axil_arready),
        .s_axil_rdata(s_axil_rdata), .s_axil_rresp(s_axil_rresp),
        .s_axil_rvalid(s_axil_rvalid), .s_axil_rready(s_axil_rready),
        .irq(irq),
        .s_axis_act_tdata(s_axis_act_tdata), .s_axis_act_tvalid(s_axis_act_tvalid),
        .s_axis_act_tready(s_axis_act_tready), .s_axis_act_tlast(s_axis_act_tlast),
        .s_axis_wgt_tdata(s_axis_wgt_tdata), .s_axis_wgt_tvalid(s_axis_wgt_tvalid),
        .s_axis_wgt_tready(s_axis_wgt_tready), .s_axis_wgt_tlast(s_axis_wgt_tlast),
        .m_axis_out_tdata(m_axis_out_tdata), .m_axis_out_tkeep(m_axis_out_tkeep),
        .m_axis_out_tvalid(m_axis_out_tvalid), .m_axis_out_tready(m_axis_out_tready),
        .m_axis_out_tlast(m_axis_out_tlast), .m_axis_out_tuser(m_axis_out_tuser)
    );

    assign job_end       = dut.job_end;
    assign end_error     = dut.end_error;
    assign expires       = dut.control.expires;
    assign close_ready   = dut.skid_ready;
    assign control_state = dut.control.state;
    assign pending       = dut.pending;
    assign fetching      = !dut.ready;

    wire act_broken, wgt_broken, out_broken, axil_broken;
    assign rule_broken = act_broken || wgt_broken || out_broken || axil_broken;

    axis_checker #(.DATA_W(P_IC * A_W), .NAME("s_axis_act")) act_checker (
        .clk(clk), .rst(rst), .pe_rst(rst),
        .tdata(s_axis_act_tdata), .tkeep({(P_IC*A_W/8){1'b1}}),
        .tvalid(s_axis_act_tvalid), .tready(s_axis_act_tready),
        .tlast(s_axis_act_tlast), .tuser(1'b0), .beats(32'd0), .broken(act_broken)
    );

    axis_checker #(.DATA_W(P_IC * W_W), .NAME("s_axis_wgt")) wgt_checker (
        .clk(clk), .rst(rst), .pe_rst(rst),
        .tdata(s_axis_wgt_tdata), .tkeep({(P_IC*W_W/8){1'b1}}),
        .tvalid(s_axis_wgt_tvalid), .tready(s_axis_wgt_tready),
        .tlast(s_axis_wgt_tlast), .tuser(1'b0), .beats(32'd0), .broken(wgt_broken)
    );

    axis_checker #(.DATA_W(P_OC * A_W), .NAME("m_axis_out")) out_checker (
        .clk(clk), .rst(rst), .pe_rst(rst),
        .tdata(m_axis_out_tdata), .tkeep(m_axis_out_tkeep),
        .tvalid(m_axis_out_tvalid), .tready(m_axis_out_tready),
        .tlast(m_axis_out_tlast), .tuser(m_axis_out_tuser), .beats(32'd0), .broken(out_broken)
    );

    axil_checker registers_checker (
        .clk(clk), .rst(rst),
        .awaddr(s_axil_awaddr), .awvalid(s_axil_awvalid), .awready(s_axil_awready),
        .wdata(s_axil_wdata), .wstrb(s_axil_wstrb), .wvalid(s_axil_wvalid), .wready(s_axil_wready),
        .bresp(s_axil_bresp), .bvalid(s_axil_bvalid), .bready(s_axil_bready),
        .araddr(s_axil_araddr), .arvalid(s_axil_arvalid), .arready(s_axil_arready),
        .rdata(s_axil_rdata), .rresp(s_axil_rresp), .rvalid(s_axil_rvalid), .rready(s_axil_rready),
        .irq(irq), .broken(axil_broken)
    );

endmodule

`default_nettype wire
