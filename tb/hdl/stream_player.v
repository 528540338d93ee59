// Stream player: plays a file of beats into an AXI4-Stream.
//
// Contract    on each change of go, plays job_<job>.<KIND> from the working
//             folder, beats beats long, TLAST on the last one; data holds until
//             it is taken
// Throughput  one beat a cycle when stall is 0
//
// A beat in the file has its top byte first ($fread is big-endian). With stall
// above 0, a beat is held back with probability stall / 256. Two faults for the
// bench's own tests: the beat numbered drop is read and lost, and from the beat
// numbered hold on nothing comes any more (all ones: never).
`default_nettype none

module stream_player #(
    parameter integer BEAT_W = 256,        // bits of a beat
    parameter [23:0]  KIND   = "act",      // file ending
    parameter [31:0]  SEED   = 32'd1       // of the stall generator
) (
    input  wire              clk,
    input  wire              rst,

    input  wire              go,
    input  wire [31:0]       job,
    input  wire [31:0]       beats,
    input  wire [31:0]       drop,
    input  wire [31:0]       hold,
    input  wire [7:0]        stall,

    output reg  [BEAT_W-1:0] tdata,
    output reg               tvalid,
    input  wire              tready,
    output reg               tlast
);

    integer           file;
    integer           bytes;
    reg [8*16-1:0]    name;
    reg               go_seen;
    reg [31:0]        left;
    reg [31:0]        index;
    reg [31:0]        noise;
    reg [BEAT_W-1:0]  beat;

    initial begin
        file    = 0;
        go_seen = 1'b0;
        left    = 32'd0;
        noise   = SEED;
    end

    always @(posedge clk) begin
        noise <= {noise[30:0], noise[31] ^ noise[21] ^ noise[1] ^ noise[0]};
        if (rst) begin
            left   <= 32'd0;
            tvalid <= 1'b0;
            tlast  <= 1'b0;
        end else if (go != go_seen) begin
            go_seen <= go;
            if (file != 0)
                $fclose(file);
            $sformat(name, "job_%05d.%s", job, KIND);
            file = $fopen(name, "rb");
            if (file == 0)
                $display("stream_player: cannot open %0s in the working folder", name);
            left   <= beats;
            index  <= 32'd0;
            noise  <= {beats[15:0], SEED[15:0]};
            tvalid <= 1'b0;
        end else if (!tvalid || tready) begin
            tvalid <= 1'b0;
            tlast  <= 1'b0;
            if (left != 32'd0 && index < hold && (stall == 8'd0 || noise[7:0] >= stall)) begin
                bytes = $fread(beat, file);
                if (bytes != BEAT_W / 8) begin
                    $display("stream_player: %0s ends at beat %0d of %0d", name, index, beats);
                    left <= 32'd0;
                end else begin
                    tdata  <= beat;
                    tvalid <= index != drop;
                    tlast  <= left == 32'd1;
                    left   <= left - 32'd1;
                    index  <= index + 32'd1;
                end
            end
        end
    end

endmodule

`default_nettype wire
