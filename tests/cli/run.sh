# tgc run by hand: values as text in, values as text out, compiled and on the evaluator.
model m.tg 'dim M = 2, N = 3' 'graph add(x: [M, N], y: [N]) -> (z: [M, N]) { z = x + y }' \
    'graph pick(t: [4, 2], ids: i32[3]) -> (r: [3, 2]) { r = gather(t, ids) }' \
    'graph flags(x: [N]) -> (b: bool[N], n: i32[]) {' '  b = x > 1.5' '  n = sum(i32(b))' '}'
for way in '' --interp '--dtype f64' '--target portable --threads 2'; do
    expect 0 tgc run m.tg $way add 'x=[[1,2,3],[4,5,6]]' 'y=[10,20,30]'
    stdout_has 'z = [[11, 22, 33], [14, 25, 36]]'
    stderr_empty
    expect 0 tgc run m.tg $way flags 'x=[1, 2, 3]'
    stdout_has 'b = [false, true, true]'
    stdout_has 'n = 2'
    expect 5 tgc run m.tg $way pick 't=[[1,2],[3,4],[5,6],[7,8]]' 'ids=[0,4,1]'
    stdout_empty
    stderr_has '4'
    stderr_has 'gather'
    expect 5 tgc run m.tg $way pick 't=[[1,2],[3,4],[5,6],[7,8]]' 'ids=[0,-1,1]'
    stderr_has '-1'
done
expect 0 tgc run m.tg pick 't=[[1,2],[3,4],[5,6],[7,8]]' 'ids=[0,3,3]'
stdout_has 'r = [[1, 2], [7, 8], [7, 8]]'

# what can be wrong about a value typed by hand
expect 1 tgc run m.tg add 'x=[[1,2,3],[4,5,6]]' 'y=[10,20]'
stderr_has '[2]'
stderr_has '[3]'
expect 1 tgc run m.tg add 'x=[[1,2,3],[4,5]]' 'y=[10,20,30]'
stderr_has 'x'
expect 1 tgc run m.tg add 'x=[[1,2,3],[4,5,six]]' 'y=[10,20,30]'
stderr_has 'x'
expect 2 tgc run m.tg add 'x=[[1,2,3],[4,5,6]]'
stderr_has 'y'
expect 2 tgc run m.tg add 'x=[[1,2,3],[4,5,6]]' 'y=[10,20,30]' 'q=[1]'
stderr_has 'q'
