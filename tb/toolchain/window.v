// Writes the waves of a window of time alone, and no more of them than a limit.
//
// For Icarus, compiled with a design with waves (tb/toolchain/wave_dump.py). Times are plusargs
// in ns, the limit is in bytes.
module cocotb_iverilog_dump;

    reg [8*4096-1:0] file;
    reg [63:0]       from, stop, pause, limit, left;
    reg              ended;
    integer          handle, size, failed;

    initial
        if ($value$plusargs("wave_file=%s", file)) begin
            ended = 1'b0;
            if (!$value$plusargs("wave_from=%d", from))
                from = 64'd0;
            if (!$value$plusargs("wave_until=%d", stop))
                stop = ~64'd0;
            if (!$value$plusargs("wave_pause=%d", pause))
                pause = ~64'd0;
            if (!$value$plusargs("wave_limit=%d", limit))
                limit = ~64'd0;
            #(from);
            $dumpfile(file);
            $dumpvars(1, SIMULATION_TOP);
            $dumpvars(0, SIMULATION_TOP.dut);
            while (!ended) begin
                left = stop - $time;
                #(left < pause ? left : pause);
                ended = $time >= stop;
                if (!ended) begin
                    $dumpflush;
                    handle = $fopen(file, "r");
                    failed = $fseek(handle, 0, 2);
                    size   = $ftell(handle);
                    $fclose(handle);
                    if (failed == 0 && size > limit) begin
                        ended = 1'b1;
                        $display("waves: the limit of %0d bytes is reached in cycle %0d",
                                 limit, $time / 10);
                    end
                end
            end
            $dumpoff;
        end

endmodule
