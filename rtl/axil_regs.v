// Register file behind AXI4-Lite: descriptor, control, status, results, build.
//
// Contract    a write takes effect with its response; a start while the PE is
//             not ready, and any unknown or read-only address, answers SLVERR
//             and changes nothing
// Latency     one cycle from address (and data) to response
// Throughput  one write and one read every two cycles
//
// Address and data of a write come in any order; the first to come is kept until the
// other is there. The readys hang on registers alone.
//
// The map is docs/rtl/control.md. Bytes are written whole words at a time:
// a write with a WSTRB other than 1111 answers SLVERR.
`default_nettype none

module axil_regs #(
    parameter [31:0] LANES       = 32'd0,  // {P_OC, P_IC}
    parameter [31:0] WIDTHS      = 32'd0,  // {MODE, ACC_W, W_W, A_W}
    parameter [31:0] TILE_PIXELS = 32'd0,
    parameter [31:0] INPUT_WORDS = 32'd0
) (
    input  wire        clk,
    input  wire        rst,

    input  wire [7:0]  s_axil_awaddr,
    input  wire        s_axil_awvalid,
    output wire        s_axil_awready,
    input  wire [31:0] s_axil_wdata,
    input  wire [3:0]  s_axil_wstrb,
    input  wire        s_axil_wvalid,
    output wire        s_axil_wready,
    output reg  [1:0]  s_axil_bresp,
    output reg         s_axil_bvalid,
    input  wire        s_axil_bready,
    input  wire [7:0]  s_axil_araddr,
    input  wire        s_axil_arvalid,
    output wire        s_axil_arready,
    output reg  [31:0] s_axil_rdata,
    output reg  [1:0]  s_axil_rresp,
    output reg         s_axil_rvalid,
    input  wire        s_axil_rready,

    output reg         start,              // one cycle
    output reg         irq_clear,          // one cycle
    output reg         soft_reset,         // one cycle
    output reg  [31:0] watchdog,
    output reg  [31:0] in_size,
    output reg  [31:0] out_size,
    output reg  [31:0] channels,
    output reg  [31:0] kernel,
    output reg  [31:0] post,
    output reg  [31:0] in_base,
    output reg  [31:0] pool,

    input  wire        ready,              // a start would be taken
    input  wire [31:0] status,
    input  wire [223:0] result_0,          // of the jobs with even numbers, see perf_counters
    input  wire [223:0] result_1           // of the jobs with odd numbers
);

    localparam [31:0] ID      = 32'h4350_4531; // "CPE1"
    localparam [31:0] VERSION = 32'h0000_0002;
    localparam [1:0]  OKAY    = 2'b00;
    localparam [1:0]  SLVERR  = 2'b10;

    reg         address_kept;              // the address came before its data
    reg         data_kept;                 // the data came before its address
    reg  [7:0]  kept_address;
    reg  [31:0] kept_data;
    reg  [3:0]  kept_strobe;

    assign s_axil_awready = !address_kept && !s_axil_bvalid;
    assign s_axil_wready  = !data_kept && !s_axil_bvalid;
    assign s_axil_arready = !s_axil_rvalid;

    wire has_address = address_kept || s_axil_awvalid;
    wire has_data    = data_kept || s_axil_wvalid;
    wire write       = has_address && has_data && !s_axil_bvalid;
    wire read        = s_axil_arvalid && !s_axil_rvalid;

    wire [7:0]  address = address_kept ? kept_address : s_axil_awaddr;
    wire [31:0] data    = data_kept ? kept_data : s_axil_wdata;
    wire [3:0]  strobe  = data_kept ? kept_strobe : s_axil_wstrb;

    wire writes_whole = strobe == 4'b1111;
    wire refused      = data[0] && (!ready || start);

    always @(posedge clk) begin
        start      <= 1'b0;
        irq_clear  <= 1'b0;
        soft_reset <= 1'b0;
        if (s_axil_bready)
            s_axil_bvalid <= 1'b0;
        if (!s_axil_bvalid) begin
            address_kept <= has_address && !has_data;
            data_kept    <= has_data && !has_address;
        end
        if (!address_kept)
            kept_address <= s_axil_awaddr;
        if (!data_kept) begin
            kept_data   <= s_axil_wdata;
            kept_strobe <= s_axil_wstrb;
        end
        if (write) begin
            s_axil_bvalid <= 1'b1;
            s_axil_bresp  <= OKAY;
            if (!writes_whole)
                s_axil_bresp <= SLVERR;
            else case (address)
                8'h20:
                    if (refused)
                        s_axil_bresp <= SLVERR;
                    else begin
                        start      <= data[0];
                        soft_reset <= data[1];
                        irq_clear  <= data[2];
                    end
                8'h28:   watchdog <= data;
                8'h40:   in_size  <= data;
                8'h44:   out_size <= data;
                8'h48:   channels <= data;
                8'h4c:   kernel   <= data;
                8'h50:   post     <= data;
                8'h54:   in_base  <= data;
                8'h58:   pool     <= data;
                default: s_axil_bresp <= SLVERR;
            endcase
        end
        if (rst) begin
            s_axil_bvalid <= 1'b0;
            address_kept  <= 1'b0;
            data_kept     <= 1'b0;
            start         <= 1'b0;
            irq_clear     <= 1'b0;
            soft_reset    <= 1'b0;
            watchdog      <= 32'd0;
            in_size       <= 32'd0;
            out_size      <= 32'd0;
            channels      <= 32'd0;
            kernel        <= 32'd0;
            post          <= 32'd0;
            in_base       <= 32'd0;
            pool          <= 32'd0;
        end
    end

    // Slot 0 from 0x80 on, slot 1 from 0xC0 on, seven words each.
    wire reads_result = s_axil_araddr[7] && !s_axil_araddr[5] && s_axil_araddr[1:0] == 2'd0
                        && s_axil_araddr[4:2] != 3'd7;

    always @(posedge clk) begin
        if (s_axil_rready)
            s_axil_rvalid <= 1'b0;
        if (read) begin
            s_axil_rvalid <= 1'b1;
            s_axil_rresp  <= OKAY;
            case (s_axil_araddr)
                8'h00:   s_axil_rdata <= ID;
                8'h04:   s_axil_rdata <= VERSION;
                8'h08:   s_axil_rdata <= LANES;
                8'h0c:   s_axil_rdata <= WIDTHS;
                8'h10:   s_axil_rdata <= TILE_PIXELS;
                8'h14:   s_axil_rdata <= INPUT_WORDS;
                8'h24:   s_axil_rdata <= status;
                8'h28:   s_axil_rdata <= watchdog;
                8'h40:   s_axil_rdata <= in_size;
                8'h44:   s_axil_rdata <= out_size;
                8'h48:   s_axil_rdata <= channels;
                8'h4c:   s_axil_rdata <= kernel;
                8'h50:   s_axil_rdata <= post;
                8'h54:   s_axil_rdata <= in_base;
                8'h58:   s_axil_rdata <= pool;
                default:
                    if (reads_result)
                        s_axil_rdata <= s_axil_araddr[6]
                                        ? result_1[{s_axil_araddr[4:2], 5'd0} +: 32]
                                        : result_0[{s_axil_araddr[4:2], 5'd0} +: 32];
                    else begin
                        s_axil_rdata <= 32'd0;
                        s_axil_rresp <= SLVERR;
                    end
            endcase
        end
        if (rst)
            s_axil_rvalid <= 1'b0;
    end

endmodule

`default_nettype wire
