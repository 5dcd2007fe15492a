/** `POST /v1/templates/import`: a CSV file of rules becomes drafts, or templates on sale (catalog/template-import.ts). */
import { z } from 'zod';
import { nameText } from '../catalog/fields.ts';
import type { TemplateChecks } from '../catalog/import-rules.ts';
import { importQuery } from '../catalog/import-schema.ts';
import { templateBody } from '../catalog/template-schema.ts';
import { IMPORT_BYTES_MAX } from '../limits.ts';
import type { Imports } from '../operations/imports.ts';
import { type Route, route } from './route.ts';
import { validate } from './validation.ts';

const namePart = z.strictObject({ name: nameText });
export const importChecks: TemplateChecks = {
  body: (body) => validate(templateBody, body),
  name: (part) => validate(namePart, part),
};

export function importRoute(imports: Imports): Route {
  return route({
    method: 'POST',
    path: '/v1/templates/import',
    access: 'operator',
    query: importQuery,
    body: 'bytes',
    bodyBytesMax: IMPORT_BYTES_MAX,
    handle: async ({ body, query }) => {
      const report = await imports.run(body, query);
      return report.ok ? { status: 200, json: report.value } : report.problem;
    },
  });
}
