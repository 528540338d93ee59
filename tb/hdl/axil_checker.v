// AXI4-Lite checker: watches the five channels and the interrupt.
//
// Contract    at the first broken rule, broken rises for good and one sentence
//             goes to the log and to checker.txt in the working folder
//
//   rule                    broken when, at a rising clock edge outside reset
//   signal is known         a valid, a ready, irq or a valid payload is X or Z
//   valid is held           a valid falls before its ready
//   payload is held         a payload changes before its ready
//   response has a cause    B without a taken AW and W, R without a taken AR
//   response is legal       a response is neither OKAY nor SLVERR
`default_nettype none

module axil_checker (
    input  wire        clk,
    input  wire        rst,

    input  wire [7:0]  awaddr,
    input  wire        awvalid,
    input  wire        awready,
    input  wire [31:0] wdata,
    input  wire [3:0]  wstrb,
    input  wire        wvalid,
    input  wire        wready,
    input  wire [1:0]  bresp,
    input  wire        bvalid,
    input  wire        bready,
    input  wire [7:0]  araddr,
    input  wire        arvalid,
    input  wire        arready,
    input  wire [31:0] rdata,
    input  wire [1:0]  rresp,
    input  wire        rvalid,
    input  wire        rready,
    input  wire        irq,

    output reg         broken
);

    localparam integer CHANNELS  = 5;
    localparam integer PAYLOAD_W = 36;

    // Channel 0 AW, 1 W, 2 B, 3 AR, 4 R.
    wire [CHANNELS-1:0]           valid = {rvalid, arvalid, bvalid, wvalid, awvalid};
    wire [CHANNELS-1:0]           ready = {rready, arready, bready, wready, awready};


    reg [CHANNELS-1:0]           waiting;
    reg [CHANNELS*PAYLOAD_W-1:0] payload;
    reg [CHANNELS*PAYLOAD_W-1:0] held;
    reg signed [7:0]             aw_owed, w_owed, r_owed; // taken and not yet answered
    integer                      channel;
    integer                      log;

    reg [2:0]        rule;                 // broken in this cycle; 0: none
    integer          where;                // the channel
    reg [8*44-1:0]   sentence;

    task complain;
        begin
            broken <= 1'b1;
            case (rule)
                3'd1:    sentence = "signal is known: a handshake or irq is X";
                3'd2:    sentence = "valid is held: it fell unanswered";
                3'd3:    sentence = "payload is held: it changed unanswered";
                3'd4:    sentence = "signal is known: a payload bit is X";
                3'd5:    sentence = "response has a cause: B without a write";
                3'd6:    sentence = "response has a cause: R without a read";
                default: sentence = "response is legal: not OKAY or SLVERR";
            endcase
            $display("rule broken on AXI4-Lite channel %0d at %0t ps: %0s", where, $time,
                     sentence);
            log = $fopen("checker.txt", "w");
            $fdisplay(log, "rule broken on AXI4-Lite channel %0d at %0t ps: %0s", where, $time,
                      sentence);
            $fclose(log);
        end
    endtask

    initial begin
        broken  = 1'b0;
        waiting = {CHANNELS{1'b0}};
        aw_owed = 8'sd0;
        w_owed  = 8'sd0;
        r_owed  = 8'sd0;
    end

    always @(posedge clk) begin
        rule = 3'd0;
        if (rst) begin
            waiting <= {CHANNELS{1'b0}};
            aw_owed <= 8'sd0;
            w_owed  <= 8'sd0;
            r_owed  <= 8'sd0;
        end else if ((^{valid, ready, irq}) === 1'bx)
            begin rule = 3'd1; where = -1; end
        else if (|{valid, waiting}) begin
            payload = {2'd0, rresp, rdata, 28'd0, araddr, 34'd0, bresp,
                       wstrb, wdata, 28'd0, awaddr};
            for (channel = 0; channel < CHANNELS; channel = channel + 1) begin
                if (waiting[channel] && !valid[channel])
                    begin rule = 3'd2; where = channel; end
                if (waiting[channel] && valid[channel]
                    && payload[channel*PAYLOAD_W +: PAYLOAD_W]
                       !== held[channel*PAYLOAD_W +: PAYLOAD_W])
                    begin rule = 3'd3; where = channel; end
                if (valid[channel] && (^payload[channel*PAYLOAD_W +: PAYLOAD_W]) === 1'bx)
                    begin rule = 3'd4; where = channel; end
            end
            waiting <= valid & ~ready;
            if (|(valid & ~ready))
                held <= payload;
            aw_owed <= aw_owed + {7'd0, awvalid && awready} - {7'd0, bvalid && bready};
            w_owed  <= w_owed + {7'd0, wvalid && wready} - {7'd0, bvalid && bready};
            r_owed  <= r_owed + {7'd0, arvalid && arready} - {7'd0, rvalid && rready};
            if (bvalid && (aw_owed < 8'sd1 || w_owed < 8'sd1))
                begin rule = 3'd5; where = 2; end
            if (rvalid && r_owed < 8'sd1)
                begin rule = 3'd6; where = 4; end
            if ((bvalid && bresp[0]) || (rvalid && rresp[0]))
                begin rule = 3'd7; where = bvalid && bresp[0] ? 2 : 4; end
        end
        if (rule != 3'd0 && !broken)
            complain;
    end

endmodule

`default_nettype wire
