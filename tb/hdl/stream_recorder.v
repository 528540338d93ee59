// Stream recorder: writes every accepted beat of an AXI4-Stream to a file.
//
// Contract    on each change of go, begins job_<job>.out in the working folder;
//             one record a beat, in 32-bit words, the lowest first: data, keep,
//             {user, last}, cycle (two words); finish closes the file
// Throughput  one beat a cycle when stall is 0
//
// A beat with an X or a Z in it is counted and its cycle kept: $fwrite would
// write it as 0. With stall above 0, ready is low with probability stall / 256.
`default_nettype none

module stream_recorder #(
    parameter integer DATA_W = 256,        // bits of a beat
    parameter [31:0]  SEED   = 32'd3       // of the stall generator
) (
    input  wire                clk,
    input  wire                rst,

    input  wire                go,
    input  wire                finish,     // close the file
    input  wire [31:0]         job,
    input  wire [7:0]          stall,
    input  wire [63:0]         cycle,

    input  wire [DATA_W-1:0]   tdata,
    input  wire [DATA_W/8-1:0] tkeep,
    input  wire                tvalid,
    output reg                 tready,
    input  wire                tlast,
    input  wire                tuser,

    output reg                 ended,      // a beat with TLAST came in this job
    output reg                 closed,     // the job's file is whole
    output reg  [31:0]         beats,
    output reg  [31:0]         unknown,    // beats with an X or a Z
    output reg  [63:0]         unknown_cycle
);

    localparam integer DATA_WORDS = (DATA_W + 31) / 32;
    localparam integer KEEP_WORDS = (DATA_W / 8 + 31) / 32;
    localparam integer RECORD_W   = (DATA_WORDS + KEEP_WORDS + 3) * 32;

    integer        file;
    reg [8*16-1:0] name;
    reg            go_seen;
    reg [31:0]     noise;

    wire [DATA_WORDS*32-1:0] data_field = {{(DATA_WORDS*32-DATA_W){1'b0}}, tdata};
    wire [KEEP_WORDS*32-1:0] keep_field = {{(KEEP_WORDS*32-DATA_W/8){1'b0}}, tkeep};
    wire [RECORD_W-1:0]      record     = {cycle, 30'd0, tuser, tlast, keep_field, data_field};

    initial begin
        file    = 0;
        go_seen = 1'b0;
        closed  = 1'b1;
        noise   = SEED;
    end

    always @(posedge clk) begin
        noise  <= {noise[30:0], noise[31] ^ noise[21] ^ noise[1] ^ noise[0]};
        tready <= !rst && (stall == 8'd0 || noise[7:0] >= stall);
        if (go != go_seen) begin
            go_seen <= go;
            if (file != 0)
                $fclose(file);
            $sformat(name, "job_%05d.out", job);
            file = $fopen(name, "wb");
            if (file == 0)
                $display("stream_recorder: cannot write %0s in the working folder", name);
            noise   <= SEED;
            ended   <= 1'b0;
            closed  <= 1'b0;
            beats   <= 32'd0;
            unknown <= 32'd0;
        end else if (finish && !closed) begin
            if (file != 0)
                $fclose(file);
            file   = 0;
            closed <= 1'b1;
        end else if (tvalid && tready) begin
            beats <= beats + 32'd1;
            ended <= ended || tlast;
            if (file != 0)
                $fwrite(file, "%u", record);
            if ((^record) === 1'bx) begin
                unknown <= unknown + 32'd1;
                if (unknown == 32'd0)
                    unknown_cycle <= cycle;
            end
        end
    end

endmodule

`default_nettype wire
